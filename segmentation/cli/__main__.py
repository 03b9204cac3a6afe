"""`python -m segmentation.cli`: the same where the package is on the path and not installed."""

from segmentation.cli import main

main()
