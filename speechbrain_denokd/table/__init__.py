"""Tables of a paper: ``page -> cells -> records -> table, plots``.

A page (`page`) names rows and seeds, each of which is a run of training
(`cells`); they are run where they are not finished (`run`), read (`records`),
compared with a reference (`significance`) and written down (`report`,
`pictures`). ``denokd table`` is `command`.
"""
