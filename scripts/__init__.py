"""What a person types: run, test, check, bench. The modules behind them are in lib/."""
