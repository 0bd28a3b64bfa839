"""The command that moves files into a bucket, and back."""

from __future__ import annotations

import click

from actions.cleanup import all_keys
from config import Settings
from lib import moving
from lib.console import CommandError, echo
from lib.storage import Folder
from lib.stores import open_bucket
from models import human_size


@click.command()
@click.option("--to-bucket/--to-folder", required=True, help="Into S3_BUCKET, or from there into MEDIA_DIR.")
def move_media(to_bucket: bool) -> None:
    """Copy all files into the bucket, or back into the folder. It can be interrupted, and run again."""
    settings = Settings.read()
    if settings.bucket is None:
        raise CommandError("S3_BUCKET is missing: it names the bucket, in both directions.")
    folder = Folder(settings.media_dir)
    # None of its threads waits for another.
    bucket = open_bucket({**settings.bucket, "at_once": 4 * moving.THREADS})
    total = len(all_keys())

    def progress(moved: moving.Moved) -> None:
        echo(f"{moved.files:,} of about {total:,} files")

    try:
        moved = moving.to_bucket(folder, bucket, progress) if to_bucket else moving.to_folder(bucket, folder, progress)
    except moving.CannotMove as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"{str(error).rstrip('.')}. What was copied stays: run this again to go on.") from error
    echo(f"{moved.files:,} files, {human_size(moved.size)}: {moved.copied:,} copied, the others were there.")
    if moved.left:
        echo(f"{moved.left:,} more came meanwhile: run this again.")
