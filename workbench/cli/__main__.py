"""`python -m workbench.cli`: the command line where the script is not on the PATH."""

from workbench.cli import main

main()
