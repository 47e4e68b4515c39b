"""The dispatcher: from the user's words to a manager's command line."""
