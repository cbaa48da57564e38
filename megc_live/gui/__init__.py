"""The window: Start, Live, Process and Review. Qt is imported here and nowhere else."""
