"""Behind the scripts: setting the checkout up, starting and stopping its processes, checking its code."""
