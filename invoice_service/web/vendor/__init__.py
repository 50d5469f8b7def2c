"""The vendor's phone: today's money, own goods, keyed sales, the day's close."""
