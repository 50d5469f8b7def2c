"""Payment providers: `provider.py` says what any of them must do, one package each does it."""
