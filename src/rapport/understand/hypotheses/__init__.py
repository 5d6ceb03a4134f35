"""What a manager believes of customers, held against what the customers did."""
