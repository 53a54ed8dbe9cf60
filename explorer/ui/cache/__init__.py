"""All of Streamlit's caches, each on hashable values: ids, versions, numbers. Pages and controls call these.

What `cache_resource` holds is shared between sessions and is never changed; `cache_data` copies what it gives, which
costs milliseconds for a list of networks.
"""

from explorer.ui.cache.digits import class_pictures, network_splits, pca_points, sample_sprites, test_sample
from explorer.ui.cache.edits import answers, changed, changed_probabilities, kept
from explorer.ui.cache.jobs import job_result
from explorer.ui.cache.learning import finite_difference, first_training, gradient, optimizer_memory, parameter
from explorer.ui.cache.lessons import convolved, descent, runs_of
from explorer.ui.cache.opened import (
    activations,
    dataset,
    devices,
    evaluation,
    kernels,
    known_networks,
    moments,
    network,
    normalised,
)
from explorer.ui.cache.pictures import (
    augmented,
    batch,
    boxed,
    drawing,
    gathering,
    picture_url,
    prepared,
    surveyed,
)
from explorer.ui.cache.reasons import (
    attribution,
    corrupted_card,
    flip,
    harder,
    load_captum,
    look_alikes,
    probabilities,
    random_network,
)
from explorer.ui.cache.runs import (
    SPEEDS,
    Glimpse,
    drawn_once,
    follower,
    measured_speeds,
    run_choice,
    run_record,
    run_records,
    snapshot,
    snapshot_steps,
)
from explorer.ui.cache.trusted import trust, verdict

__all__ = [
    "SPEEDS",
    "Glimpse",
    "activations",
    "answers",
    "attribution",
    "augmented",
    "batch",
    "boxed",
    "changed",
    "changed_probabilities",
    "class_pictures",
    "convolved",
    "corrupted_card",
    "dataset",
    "descent",
    "devices",
    "drawing",
    "drawn_once",
    "evaluation",
    "finite_difference",
    "first_training",
    "flip",
    "follower",
    "gathering",
    "gradient",
    "harder",
    "job_result",
    "kept",
    "kernels",
    "known_networks",
    "load_captum",
    "look_alikes",
    "measured_speeds",
    "moments",
    "network",
    "network_splits",
    "normalised",
    "optimizer_memory",
    "parameter",
    "pca_points",
    "picture_url",
    "prepared",
    "probabilities",
    "random_network",
    "run_choice",
    "run_record",
    "run_records",
    "runs_of",
    "sample_sprites",
    "snapshot",
    "snapshot_steps",
    "surveyed",
    "test_sample",
    "trust",
    "verdict",
]
