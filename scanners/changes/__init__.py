"""What changes an estate: commits, releases and owners (`git`), and what builds and deploys (`pipelines`)."""
