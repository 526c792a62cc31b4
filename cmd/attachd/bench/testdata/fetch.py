"""Saves the attachments of mailboxes, as a careful person writes it with Python's own modules.

fetch.py HOST PORT CA_FILE PASSWORD keep|delete FOLDER USER...
"""

import email
import email.policy
import os
import poplib
import ssl
import sys


def save(folder, name, content):
    """Write a file that is whole or not there."""
    hidden = os.path.join(folder, "." + name)
    with open(hidden, "wb") as f:
        f.write(content)
        f.flush()
        os.fsync(f.fileno())
    os.rename(hidden, os.path.join(folder, name))


def sync(folder):
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def fetch(box, folder, delete):
    count, _ = box.stat()
    for number in range(1, count + 1):
        _, lines, _ = box.retr(number)
        message = email.message_from_bytes(b"\r\n".join(lines), policy=email.policy.default)
        for part in message.iter_attachments():
            save(folder, os.path.basename(part.get_filename()), part.get_payload(decode=True))
        if delete:
            box.dele(number)
    sync(folder)
    box.quit()  # and only now the messages are gone


def main(host, port, ca_file, password, after, output, *users):
    context = ssl.create_default_context(cafile=ca_file)
    for user in users:
        folder = os.path.join(output, user)
        os.makedirs(folder)
        box = poplib.POP3_SSL(host, int(port), context=context)
        box.user(user)
        box.pass_(password)
        fetch(box, folder, after == "delete")


main(*sys.argv[1:])
