from bench.profile import Profile
from bench import engine
import sys, tempfile
n=int(sys.argv[1]); url=sys.argv[2] if len(sys.argv)>2 else None
with tempfile.TemporaryDirectory() as d:
    p = Profile("sqlite" if url is None else "postgresql") if "--np" not in sys.argv else None
    o = engine.run(url or f"sqlite:///{d}/w.sqlite", n, p)
    print(o)
    if p: print(p.report(n))
