"""The market operator's desk: stalls, vendors, who sells where and when, posters, figures."""
