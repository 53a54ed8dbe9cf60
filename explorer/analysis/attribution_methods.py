"""The methods of attribution in words: how to read each, where it misleads, and the paper that it is from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

PATCH = 4
"""Side of the black square of occlusion in pixels."""


@dataclass(frozen=True)
class Method:
    """A way to a map: ``reading`` says how to read it, ``caution`` where it misleads, each in one sentence."""

    name: str
    title: str
    reading: str
    caution: str
    source: str


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        method.name: method
        for method in (
            Method(
                "saliency",
                "Saliency",
                "The logit's gradient: how much it would rise with each pixel made a little brighter.",
                "A pixel that matters a lot may have no gradient, where more of it changes nothing any more.",
                "Simonyan et al. 2013, Deep Inside Convolutional Networks",
            ),
            Method(
                "integrated-gradients",
                "Integrated gradients",
                "Each pixel's share of the difference between this image's logit and that of a black one.",
                "Black is the reference, so black pixels get nothing, also where their emptiness decides.",
                "Sundararajan et al. 2017, Axiomatic Attribution for Deep Networks",
            ),
            Method(
                "occlusion",
                "Occlusion",
                f"How far the logit falls when a black square of {PATCH} × {PATCH} pixels covers the place.",
                "A square over black changes nothing, and its edge makes lines that no image has.",
                "Zeiler & Fergus 2014, Visualizing and Understanding Convolutional Networks",
            ),
            Method(
                "guided-backpropagation",
                "Guided backpropagation",
                "The gradient, with every negative part set to zero at each ReLU: sharp outlines of what excites.",
                "It nearly redraws the image and hardly depends on class or weights; compare the random map.",
                "Springenberg et al. 2015, Striving for Simplicity",
            ),
            Method(
                "deconvolution",
                "Deconvolution",
                "The logit sent back through the transposed layers, only positive signals passing each ReLU.",
                "It ignores which ReLUs were off for this image, so part of the pattern is the network's alone.",
                "Zeiler & Fergus 2014, Visualizing and Understanding Convolutional Networks",
            ),
            Method(
                "deeplift",
                "DeepLIFT",
                "Differences from a black image, handed down layer by layer to the pixels that cause them.",
                "Another reference than black gives another map, and black pixels get nothing.",
                "Shrikumar et al. 2017, Learning Important Features Through Propagating Activation Differences",
            ),
            Method(
                "grad-cam",
                "Grad-CAM",
                "Where a convolution's maps, weighted by their mean gradients, speak for the class.",
                "It is coarse, shows nothing that speaks against, and one mean per map hides where its gradient lies.",
                "Selvaraju et al. 2017, Grad-CAM",
            ),
            Method(
                "cam",
                "Class activation map",
                "The last maps weighted by the class's own weights: these parts add up to the logit, less its bias.",
                "Each number sees a wide patch of the image, so its place is only the middle of what it rests on.",
                "Zhou et al. 2016, Learning Deep Features for Discriminative Localization",
            ),
        )
    }
)
