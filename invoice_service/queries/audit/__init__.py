"""Whether everything that is kept is what was attested, from the first entry to the newest head.

One pass over the log in the order of its indexes re-derives each document's commitment, each signature, tile
and head; what must be true of the whole comes after, and the chain last. The first thing that does not fit
is named for each invoice, sale, tile and head, since what follows from it would only hide it.
"""
