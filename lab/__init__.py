"""What learners run: experiments with key generation, on servers of their own."""
