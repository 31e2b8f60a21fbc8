"""What is checked of each file."""
