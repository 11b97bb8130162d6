"""Templates and customer data to the words of a message."""
