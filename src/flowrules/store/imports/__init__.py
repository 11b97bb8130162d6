"""Files of customers, events and consents: read, understood, taken in."""
