"""How a training is recorded unless asked otherwise; what the command line's help tells, without loading a recorder."""

EVERY = 10
"""Statistics and series are of every so manyth iteration."""
LAST = 32
"""How many iterations before a failure are kept."""
