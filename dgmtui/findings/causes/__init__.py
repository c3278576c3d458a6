"""What follows from what: symptoms become consequences of their cause, accounts are dated and put in order."""
