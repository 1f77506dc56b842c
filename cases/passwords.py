"""Which passwords are guessed first: common ones, patterns, the account's own names. Called by officers."""

from collections.abc import Sequence

from zxcvbn import zxcvbn

from cases.codes import fold

# What people here make passwords of; the library's own lists know English and the leaked ones.
LOCAL_WORDS = (
    "matkhau mat khau tiepdan tiep dan canbo can bo hanoi ha noi thanhpho phuong quan huyen ubnd congan cong an "
    "thudo thu do vietnam viet nam nguyen anhyeuem emyeuanh khongbiet dangnhap quantri"
).split()
WEAKEST_ALLOWED = 2  # zxcvbn: 0 and 1 fall to a few million guesses, which an online lock alone should not carry
LONGEST_LOOKED_AT = 72  # the library's own bound; what is longer is not guessed


def is_common(password: str, names: Sequence[str]) -> bool:
    """Whether a guesser's dictionary reaches this password soon."""
    own = [word for name in names for word in (*fold(name).split(), fold(name).replace(" ", "")) if len(word) > 1]
    found = zxcvbn(password[:LONGEST_LOOKED_AT], user_inputs=[*LOCAL_WORDS, *own])
    return int(found["score"]) < WEAKEST_ALLOWED
