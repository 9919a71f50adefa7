"""What is shown: each read model is one file with its tables, its apply and its queries."""
