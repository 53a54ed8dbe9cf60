"""Pictures to tell digits from anything else by: what a small network is exposed to, once, before it is bundled.

All of it is made from generators, MNIST's training digits, scikit-image's photographs and the fonts of folders that are
named, and none of it is needed where the network is used. ``bench/nondigits.py`` and ``bench/pictures.py`` make their
pictures by other means, from other digits, fonts and photographs, so that they are no repetition of these.
"""
