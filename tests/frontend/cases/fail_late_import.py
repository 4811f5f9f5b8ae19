@t.define
def f(A): pass
import task_lang as t
