"""What Mia will say, when and on which device; never how it sounds or how it gets there."""
