"""What is conspicuous in a market's day: explainable rules over rows, and bundles from which they are re-run.

Nothing here reads a database. `rows` are what rules look at, `rules` find, `catalogue` holds their dated
thresholds, `audit` compares documents with columns, `bundle` carries a finding to whoever wants to check it.
"""
