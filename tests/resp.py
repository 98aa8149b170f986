"""Redis' protocol on the wire, as far as a wire that fails on purpose must know it."""


def is_whole(request: bytes) -> bool:
    """Whether nothing of a request is missing: of Redis' commands (RESP arrays of bulk strings),
    each of the lengths it announced; any other protocol's is taken as it comes.
    """
    place = 0
    while request[place : place + 1] == b"*":
        head, ended, _ = request[place:].partition(b"\r\n")
        place += len(head) + 2
        for _word in range(int(head[1:]) if ended else 1):
            head, ended, _ = request[place:].partition(b"\r\n")
            if not ended:
                return False
            place += len(head) + 2 + int(head[1:]) + 2
    return place == len(request) or not request.startswith(b"*")
