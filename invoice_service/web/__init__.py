"""HTTP: who may call what (`audience.py`), how refusals look (`errors.py`), and one package an audience."""
