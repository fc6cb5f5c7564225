"""Each rank writes its part and reads its neighbour's, without waiting until it is there."""
import os
import pathlib


class MissingPart(Exception):
    pass


def exchange(folder, rank, ranks, step):
    (folder / f"part-{step}-{rank}").write_text(str(rank))
    summed = sum(number * number for number in range(60000))
    neighbour = folder / f"part-{step}-{(rank + 1) % ranks}"
    if not neighbour.exists():
        raise MissingPart("the neighbour's part is not there yet")
    return int(neighbour.read_text()) if summed else -1


def main():
    folder, rank, ranks = pathlib.Path(os.environ["RANK_FOLDER"]), int(os.environ["RANK"]), int(os.environ["RANKS"])
    (folder / f"ready-{rank}").touch()
    while not all((folder / f"ready-{other}").exists() for other in range(ranks)):
        pass
    for step in range(2):
        assert exchange(folder, rank, ranks, step) == (rank + 1) % ranks
    print("exchanged", flush=True)


if __name__ == "__main__":
    main()
