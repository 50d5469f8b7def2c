"""PostgreSQL through SQLAlchemy Core: `tables.py` holds the integrity, one module a noun the statements.

Functions take the connection of an open unit of work and answer values of the domain. Nothing outside
this package sees a row, and nothing in it decides what should happen.
"""
