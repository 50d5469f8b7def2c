"""What leaves the house on paper or as a file, and what strangers bring."""

import os

# openpyxl would rather parse with lxml where that happens to be installed. Strangers' workbooks are read by
# defusedxml everywhere, in tests as in production.
os.environ["OPENPYXL_LXML"] = "False"
