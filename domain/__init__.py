"""What is true: events, states and decisions. Pure and synchronous."""
