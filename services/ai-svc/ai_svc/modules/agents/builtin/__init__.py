"""The built-in model over tools: no key, no network, the same answer to the same data.

It plans by plain rules which tools an agent has to use, and answers only by quoting what they gave.
"""
