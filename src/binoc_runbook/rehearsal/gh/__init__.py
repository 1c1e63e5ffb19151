"""Program `gh` of the jobs of a rehearsal.

It accepts exactly the commands that the publish workflow uses, and sends their requests to the rehearsed GitHub. Its
output and exit codes are those of GitHub CLI 2. It rejects every other command by name, so that a rehearsal does not
pass with a command that it has not run.
"""
