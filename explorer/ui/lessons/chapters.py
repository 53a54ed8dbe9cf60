"""The chapters in their order, with their words. One idea each, at most 80 words."""

from __future__ import annotations

from explorer.ui.lessons import (
    activation,
    choices,
    convolution,
    dense,
    descent,
    looks,
    overfitting,
    pixels,
    pooling,
    splits,
)
from explorer.ui.lessons.chapter import Chapter

CHAPTERS = (
    Chapter(
        "image",
        "An image is numbers",
        "A computer sees no strokes. It gets a grid of numbers, one a pixel: 0 is black, 255 is white, and the numbers "
        "between are greys. Everything that follows is arithmetic on this grid. Before it enters the network, each "
        "number is divided by 255, then shifted and scaled by the same amount everywhere, so that the pixels of all "
        "training digits have mean 0 and spread 1.",
        pixels.widget,
        pixels.question,
    ),
    Chapter(
        "convolution",
        "Convolution",
        "A kernel is a small grid of weights. It lies on a patch of the image: each weight is multiplied by the number "
        "under it, the products are added up, then a bias. The sum is one number of the output. The kernel moves on "
        "by a pixel and does the same again. The sums, in their places, form a **feature map**, large where the image "
        "looks like the kernel.",
        convolution.one_widget,
        convolution.one_question,
    ),
    Chapter(
        "kernels",
        "Several kernels",
        "One kernel finds one thing: an edge on the left, say, or a rising stroke. So a layer has many kernels, each "
        "with weights of its own. Every kernel yields one map; the number of kernels is the depth of the output. In "
        "deeper layers a kernel has a slice for each map of the layer before, and adds up what its slices find.",
        convolution.several_widget,
        convolution.several_question,
    ),
    Chapter(
        "stride",
        "Stride and padding",
        "The stride is how far the kernel moves between two positions. With stride 2 it stops at every second one, "
        "and each side of the map is about halved. A kernel can't be centred on the border, so each layer loses a rim. "
        "**Padding** surrounds the image with zeros and makes room. Four numbers decide the side of the map: side, "
        "kernel, stride and padding.",
        convolution.stride_widget,
        convolution.stride_question,
    ),
    Chapter(
        "activation",
        "Activation",
        "A convolution is linear, and layer upon layer of linear functions is still one linear function. So each "
        "number then passes through a function that bends. **ReLU** keeps what is positive and sets the rest to 0: "
        "where the kernel doesn't fit, its map falls silent. Its slope stays 1 for large numbers, where those of tanh "
        "and sigmoid fade and learning becomes slow.",
        activation.widget,
        activation.question,
    ),
    Chapter(
        "pooling",
        "Pooling",
        "Pooling makes maps smaller. A window goes over each map by itself and keeps one number: the largest (**max "
        "pooling**) or the mean. With a 2 × 2 window and stride 2, a quarter of the numbers is left. Where exactly a "
        "feature was found matters less then, so a small shift of the digit changes little. Pooling has no weights, "
        "so it learns nothing.",
        pooling.widget,
        pooling.question,
    ),
    Chapter(
        "softmax",
        "Fully connected, softmax",
        "The last maps are written out as one row of numbers. A **fully connected** layer joins each of them to each "
        "of its units by a weight. The last layer has one unit a class; its sums are the **logits**. **Softmax** makes "
        "probabilities of them: e to the power of each logit, divided by the sum of all. They are positive and add up "
        "to 1.",
        dense.widget,
        dense.question,
    ),
    Chapter(
        "loss",
        "Loss and one step",
        "The **loss** is one number for how wrong the network is. Cross-entropy takes the negative logarithm of the "
        "true class's probability: near 0 if sure and right, large if sure and wrong. The **gradient** tells for each "
        "weight which way the loss rises. Gradient descent steps the other way, as far as the **learning rate** says: "
        "too short, and little changes; too long, and it overshoots, and other digits are unlearned.",
        descent.widget,
        descent.question,
    ),
    Chapter(
        "splits",
        "Training, validation, test",
        "The digits are dealt into three sets. From the **training** set the weights are learned. The **validation** "
        "set judges your choices: which network, which learning rate, when to stop. You look at it often, so your "
        "choices come to fit it. The **test** set is used once, at the end: only digits that had no part in anything "
        "tell how the network will do on new ones.",
        splits.widget,
        splits.question,
    ),
    Chapter(
        "overfitting",
        "Overfitting",
        "A network with tens of thousands of weights can learn 100 digits by heart. Then the training loss goes to 0 "
        "while the validation loss rises: it **overfits**, and the gap between both says how much. More digits help "
        "most. Where there are none, **augmentation** changes each digit a little, **dropout** silences random units "
        "while training, **weight decay** pulls weights towards 0. Try which closes the gap.",
        overfitting.widget,
        overfitting.question,
        steady=True,
    ),
    Chapter(
        "choices",
        "Learned or chosen",
        "A **parameter** is learned: each step of training changes it. A **hyperparameter** is chosen by you before "
        "training begins, and judged on the validation set. Kernels, biases and the weights of fully connected layers "
        "are parameters. Nearly all else that describes a network is a hyperparameter. Each entry of the table leads "
        "to the page where it is chosen.",
        choices.widget,
        choices.question,
    ),
    Chapter(
        "looks",
        "What the network looks at",
        "Nobody told the kernels what to look for, yet most of the first ones came to answer to edges and strokes. "
        "Later layers join these answers over a larger patch: bends, ends, crossings. Digits that share such parts are "
        "the ones that get confused. A map laid over the digit shows where a kernel answers, and a misread digit shows "
        "what the network went by.",
        looks.widget,
        looks.question,
    ),
)
