"""Jobs: the job kinds, and what all of them share."""
