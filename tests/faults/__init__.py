"""Small trainings that fail in documented ways and healthy ones, what is to be found in each, and how it is scored."""
