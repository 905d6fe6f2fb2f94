"""Benchmarks of the jobs against the limits of the machine and against jobs as they are usually written."""
