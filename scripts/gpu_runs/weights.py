"""The same training by both backends, f32: of the weights themselves, and with rank dropout."""

from harness import BACKEND, TREE, metrics, quickstart_folder, run, say, settings


def change_of(file, base):
    """The tensors of a checkpoint that are others than in the base, less the base."""
    from safetensors.numpy import load_file
    old, new = load_file(base), load_file(file)
    return {name: new[name].astype("float64") - old[name].astype("float64") for name in old if (new[name] != old[name]).any()}


def weights():
    """The same training by both backends: what it is for rounding to be all that differs."""
    import numpy
    folder = quickstart_folder("weights")
    common = settings(train__steps=40, train__optimizer="{use: adamw, lr: 1e-4}", sample__prompts="[a large red zorb]")
    chosen = {"weights": settings(adapter="{use: full, layers: [all]}", export="[{use: merge, path: merged.safetensors, overwrite: true}]"),
              "dropout": settings(adapter="{use: lora, rank: 16, rank_dropout: 0.25, layers: [all]}")}
    for name, words in chosen.items():
        losses = []
        for backend in ("onednn", BACKEND):
            text, seconds, _ = run(f"{name}-{backend}", "run", "configs/quickstart.yaml", "--resume", "never", *common, *words,
                                   *settings(backend__use=backend, run=f"{name}-{backend}"), folder=folder)
            losses.append(numpy.array([line["loss"] for line in metrics(folder / "runs" / f"{name}-{backend}")]))
            made = folder / "configs/merged.safetensors"
            if made.exists():
                made.rename(folder / f"{name}-{backend}.safetensors")
        far = abs(losses[0] / losses[1] - 1)
        say(f"{name}: {len(far)} losses by onednn and {BACKEND}, {losses[0][0]:.5f} and {losses[1][0]:.5f} at first, {losses[0][-1]:.5f} and "
            f"{losses[1][-1]:.5f} at last; apart {far[0]:.1e} at first, {far.max():.1e} at most")
    one, other = (change_of(folder / f"weights-{backend}.safetensors", TREE / "configs/quickstart/tiny-sdxl.safetensors")
                  for backend in ("onednn", BACKEND))
    square = lambda tensors: sum(float((tensor**2).sum()) for tensor in tensors)
    apart = square(one[name] - other[name] for name in one) / square(one.values())
    say(f"weights: {len(one)} and {len(other)} tensors of the checkpoint changed; the changes are {apart**0.5:.1e} of their size apart")
