"""Asking models in a process of their own, beside the page's.

The two import their libraries at the same time, so that the page is there sooner; a forward pass
never waits for the page's interpreter lock; and a model too large for the memory ends that process
and not the page.
"""
