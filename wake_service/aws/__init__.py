"""AWS as this service uses it: clients, errors, tags, prices, and what an admin does with an account."""
