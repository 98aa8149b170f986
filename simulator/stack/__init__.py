"""Behind `make run` and `make call`: development values, embedded server, programs."""
