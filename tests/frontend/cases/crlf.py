# With a byte order mark and CRLF: é
import task_lang as task

N = (1,
  2)

@task.define
def f(A):
	"""Two
	lines."""
	if N[0] == 1:
		x = 1 + \
			2
	 
	y = x