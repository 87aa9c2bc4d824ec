"""How many of the words that Mia says two speech recognisers understand, for each engine and dialect."""
