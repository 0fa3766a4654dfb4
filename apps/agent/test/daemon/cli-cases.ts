import type { DifferenceName } from './differences.ts';

/**
 * What the docker command line answers, command by command. The list runs against our engine and against dockerd: both must give these exit codes and
 * this output. `$T` is an empty directory of the run's own.
 */
export interface CliCase {
  readonly run: string;
  /** 0 unless told. */
  readonly exit?: number;
  /** Normalised standard output, whole. */
  readonly out?: string;
  /** Somewhere in standard error. */
  readonly err?: RegExp;
  /** In what dockerd 20.10 answers otherwise; why is said there. */
  readonly unlikeDockerd?: Partial<Record<'exit' | 'out' | 'err', DifferenceName>>;
}

export interface CliScenario {
  readonly name: string;
  readonly cases: readonly CliCase[];
}

const none = '--network none';

export const scenarios: readonly CliScenario[] = [
  {
    name: 'version and facts',
    cases: [
      { run: "docker version -f '{{.Server.Os}} {{.Server.Arch}}'", out: 'linux amd64' },
      { run: "docker info -f '{{.OSType}} {{.Swarm.LocalNodeState}}'", out: 'linux inactive' },
      { run: 'docker ps', out: 'CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES' },
      { run: 'docker plugin ls -q', out: '' },
      { run: 'docker node ls', exit: 1, err: /This node is not a swarm manager\. Use "docker swarm init" or "docker swarm join"/ },
      { run: 'docker network ls --format "{{.Name}} {{.Driver}} {{.Scope}}" | grep -v bridge | sort', out: 'host host local\nnone null local' },
    ],
  },
  {
    name: 'run',
    cases: [
      { run: `docker run --rm ${none} bb:1 echo hi`, out: 'hi' },
      { run: `docker run --rm ${none} bb:1 sh -c 'echo out; echo err >&2; exit 3'`, exit: 3, out: 'out', err: /^err$/m },
      { run: `docker run --rm ${none} bb:1 nosuch`, exit: 127, err: /exec: "nosuch": executable file not found in \$PATH/, unlikeDockerd: { err: 'words' } },
      { run: `docker run --rm ${none} bb:1 /etc`, exit: 126, err: /permission denied/, unlikeDockerd: { err: 'words' } },
      {
        run: `docker run --rm ${none} 127.0.0.1:1/x:1 true`,
        exit: 125,
        err: /Unable to find image '127\.0\.0\.1:1\/x:1' locally/,
        unlikeDockerd: { err: 'pullFailure' },
      },
      { run: `docker run --rm ${none} bb:1 sh -c 'sh -c "kill -9 \\$\\$"; exit $?'`, exit: 137 },
      { run: `printf 'a\\nb\\n' | docker run --rm -i ${none} bb:1 wc -l`, out: '2' },
      { run: `docker run --rm ${none} -e A=1 -e B=2 bb:1 sh -c 'echo $A$B'`, out: '12' },
      { run: `docker run --rm ${none} -w /tmp bb:1 pwd`, out: '/tmp' },
      { run: `docker run --rm ${none} -h box bb:1 hostname`, out: 'box' },
      { run: `docker run --rm ${none} -u nobody bb:1 id -u`, out: '65534' },
      { run: `docker run --rm ${none} --entrypoint echo bb:1 over`, out: 'over' },
      { run: `docker run --rm ${none} --read-only bb:1 touch /x`, exit: 1, err: /Read-only file system/ },
      { run: `docker run --rm ${none} --tmpfs /t bb:1 sh -c 'touch /t/x && ls /t'`, out: 'x' },
      { run: `docker run --rm ${none} -m 64m bb:1 sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes'`, out: '67108864' },
      { run: `docker run --rm ${none} --memory 1m bb:1 true`, exit: 125, err: /Minimum memory limit allowed is 6MB/ },
      {
        run: `docker run --rm ${none} --cpus 1000 bb:1 true`,
        exit: 125,
        err: /[Rr]ange of CPUs is from 0\.01 to \d+\.00, as there are only \d+ CPUs available/,
        unlikeDockerd: { err: 'words' },
      },
      { run: `docker run --rm ${none} --gpus all bb:1 true`, exit: 125, err: /could not select device driver "" with capabilities: \[\[gpu\]\]/ },
      {
        run: `docker run --rm ${none} --restart always bb:1 true`,
        exit: 125,
        err: /[Cc]onflicting options|can't create 'AutoRemove' container with restart policy/,
      },
      { run: `docker run --rm -d ${none} --name quick bb:1 true >$T/out; wc -c <$T/out`, out: '65' },
      {
        run: 'docker run -d --name "bad name" bb:1 true',
        exit: 125,
        err: /Invalid container name \(bad name\), only \[a-zA-Z0-9\]\[a-zA-Z0-9_\.-\] are allowed/,
      },
    ],
  },
  {
    name: 'life of a container',
    cases: [
      { run: `docker create --name c1 --label a=b ${none} bb:1 sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done'`, out: '<id>' },
      {
        run: `docker create --name c1 ${none} bb:1`,
        exit: 1,
        err: /Conflict\. The container name "\/c1" is already in use by container "[0-9a-f]{64}"\. You have to remove \(or rename\) that container to be able to reuse that name\./,
      },
      {
        run: "docker inspect -f '{{.State.Status}} {{.State.Running}} {{.State.Pid}} {{.State.StartedAt}}' c1",
        out: 'created false 0 0001-01-01T00:00:00Z'.replace('0001-01-01T00:00:00Z', '<time>'),
      },
      { run: 'docker start c1', out: 'c1' },
      { run: 'docker start c1', out: 'c1' },
      { run: "docker ps --filter label=a=b --format '{{.Names}} {{.State}} {{.Status}}'", out: 'c1 running Up <duration>' },
      { run: "docker ps -a --filter name=nothing --format '{{.Names}}'", out: '' },
      { run: 'docker ps --filter nosuch=1', exit: 1, err: /invalid filter 'nosuch'/i, unlikeDockerd: { err: 'words' } },
      { run: 'docker pause c1', out: 'c1' },
      { run: "docker ps --format '{{.Status}}' --filter name=c1", out: 'Up <duration> (Paused)' },
      { run: 'docker exec c1 true', exit: 1, err: /is paused, unpause the container before exec/, unlikeDockerd: { err: 'words' } },
      { run: 'docker unpause c1', out: 'c1' },
      { run: 'docker unpause c1', exit: 1, err: /is not paused/ },
      { run: 'docker rename c1 c2', out: '' },
      { run: 'docker rm c2', exit: 1, err: /container/, unlikeDockerd: { err: 'words' } },
      { run: 'docker stop -t 30 c2', out: 'c2' },
      { run: 'docker wait c2', out: '7' },
      { run: 'docker stop c2', out: 'c2' },
      { run: 'docker kill c2', exit: 1, err: /is not running/, unlikeDockerd: { err: 'words' } },
      { run: "docker ps -a --format '{{.Names}} {{.Status}}' --filter exited=7", out: 'c2 Exited (7) <duration> ago' },
      { run: 'docker restart -t 30 c2', out: 'c2' },
      { run: 'docker kill -s KILL c2 && docker wait c2', out: 'c2\n137' },
      {
        run: 'docker update --restart on-failure:3 c2 && docker inspect -f "{{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}" c2',
        out: 'c2\non-failure:3',
      },
      { run: 'docker rm -f c2', out: 'c2' },
      { run: 'docker rm nosuch', exit: 1, err: /No such container: nosuch/ },
      { run: 'docker inspect nosuch', exit: 1, out: '[]', err: /No such object: nosuch/i },
      { run: 'docker start nosuch', exit: 1, err: /No such container: nosuch/ },
      { run: 'docker wait nosuch', exit: 1, err: /No such container: nosuch/ },
      { run: 'docker logs nosuch', exit: 1, err: /No such container: nosuch/ },
      { run: 'docker port nosuch', exit: 1, err: /No such container: nosuch/ },
    ],
  },
  {
    name: 'exec, logs, top, stats, diff',
    cases: [
      { run: `docker run -d --name e1 ${none} bb:1 sh -c 'echo one; echo two >&2; echo three; touch /made; rm /etc/group; exec sleep 1000'`, out: '<id>' },
      { run: 'docker exec e1 echo hi', out: 'hi' },
      { run: "docker exec e1 sh -c 'exit 5'", exit: 5 },
      {
        run: `docker exec e1 nosuch >$T/x; code=$?; grep -o 'exec: "nosuch": executable file not found in $PATH' $T/x; exit $code`,
        exit: 127,
        out: 'exec: "nosuch": executable file not found in $PATH',
        unlikeDockerd: { exit: 'missingExec' },
      },
      { run: "printf 'a\\nb\\nc\\n' | docker exec -i e1 wc -l", out: '3' },
      { run: 'docker exec -w /tmp -e X=y -u nobody e1 sh -c \'echo "$(pwd) $X $(id -u)"\'', out: '/tmp y 65534' },
      {
        run: 'docker exec -d e1 touch /tmp/detached; until docker diff e1 | grep -q /tmp/detached; do sleep 0.1; done; docker exec e1 ls /tmp',
        out: 'detached',
      },
      { run: "docker exec -t e1 sh -c 'tty; echo $TERM'", out: '/dev/pts/0\nxterm' },
      { run: 'until [ "$(docker logs e1 2>&1 | wc -l)" = 3 ]; do sleep 0.1; done; docker logs e1', out: 'one\nthree', err: /^two$/m },
      { run: 'docker logs --tail 1 e1 2>&1 | wc -l', out: '1' },
      { run: 'docker logs --tail 0 e1', out: '' },
      { run: 'docker logs -t e1 2>&1 | sort -k2', out: '<time> one\n<time> three\n<time> two' },
      { run: 'docker logs --since 1h --until 10m e1', out: '' },
      {
        run: ': >$T/f; docker logs -f e1 >>$T/f 2>/dev/null & p=$!; until [ "$(wc -l <$T/f)" = 2 ]; do sleep 0.1; done; kill $p; wait $p 2>/dev/null; cat $T/f',
        out: 'one\nthree',
      },
      { run: "docker top e1 -o pid,comm | tail -n +2 | awk '{print $2}'", out: 'sleep' },
      { run: "docker top e1 | head -1 | awk '{print $1, $2, $NF}'", out: 'UID PID CMD' },
      // How many processes dockerd counts in its first answer depends on how long it took it.
      { run: "docker stats --no-stream --format '{{.Name}} {{.Container}}' e1", out: 'e1 e1' },
      { run: 'docker diff e1 | grep -v "^. /\\(dev\\|proc\\|sys\\)" | sort', out: 'A /made\nA /tmp/detached\nC /etc\nC /tmp\nD /etc/group' },
      { run: 'docker rm -f e1', out: 'e1' },
    ],
  },
  {
    name: 'cp, export, commit',
    cases: [
      { run: `docker create --name f1 ${none} bb:1 cat /in/file`, out: '<id>' },
      { run: 'mkdir -p $T/in/sub && echo content >$T/in/file && ln -s file $T/in/link && docker cp -q $T/in f1:/', out: '' },
      { run: 'docker start -a f1', out: 'content' },
      { run: "docker cp f1:/in/file - | tar -tvf - | awk '{print $1, $NF}'", out: '-rw-r--r-- file' },
      { run: 'docker cp -q f1:/in $T/copied && ls $T/copied && readlink $T/copied/link', out: 'file\nlink\nsub\nfile' },
      { run: 'docker cp f1:/nosuch $T/', exit: 1, err: /Could not find the file \/nosuch in container f1/ },
      { run: 'docker cp $T/nosuch f1:/', exit: 1, err: /no such file or directory/ },
      { run: 'echo x | docker cp - f1:/etc', exit: 1, err: /./, unlikeDockerd: { err: 'brokenArchive' } },
      { run: "docker export f1 | tar -tf - | grep '^in/'| sort", out: 'in/\nin/file\nin/link\nin/sub/' },
      { run: 'docker commit -m note -c \'ENV ADDED=yes\' -c \'CMD ["sh","-c","echo $ADDED; cat /in/file"]\' f1 snap:1', out: 'sha256:<digest>' },
      { run: `docker run --rm ${none} snap:1`, out: 'yes\ncontent' },
      { run: "docker history --format '{{.Comment}}' snap:1 | head -1", out: 'note' },
      { run: 'docker rm f1', out: 'f1' },
      { run: 'docker rmi snap:1 | head -1', out: 'Untagged: snap:1' },
    ],
  },
  {
    name: 'images',
    cases: [
      { run: "docker images --format '{{.Repository}}:{{.Tag}}' bb", out: 'bb:1' },
      { run: 'docker tag bb:1 foo/bar:2 && docker images --format "{{.Repository}}:{{.Tag}}" "foo/*"', out: 'foo/bar:2' },
      { run: 'docker tag nosuch:1 x:1', exit: 1, err: /No such image: nosuch:1/ },
      { run: 'docker tag bb:1 Upper:1', exit: 1, err: /invalid reference format: repository name.*must be lowercase|invalid reference format/ },
      { run: 'docker rmi foo/bar:2', out: 'Untagged: foo/bar:2' },
      { run: 'docker rmi nosuch:1', exit: 1, err: /No such image: nosuch:1/ },
      { run: "docker inspect -f '{{.Os}} {{.Config.Env}} {{len .RootFS.Layers}}' bb:1", out: 'linux [PATH=/bin] 1' },
      {
        run: 'docker save -o $T/bb.tar bb:1 && docker tag bb:1 keep:1 && docker rmi bb:1 && docker load -i $T/bb.tar',
        out: 'Untagged: bb:1\nLoaded image: bb:1',
      },
      { run: 'docker rmi keep:1', out: 'Untagged: keep:1' },
      {
        run: `docker create --name u1 ${none} bb:1 >/dev/null; docker tag bb:1 other:1; docker rmi other:1; docker rmi bb:1`,
        exit: 1,
        out: 'Untagged: other:1',
        err: /conflict: unable to remove repository reference "bb:1" \(must force\) - container [0-9a-f]{12} is using its referenced image [0-9a-f]{12}/,
      },
      { run: 'docker rm u1', out: 'u1' },
      { run: 'tar -C $T/in -cf - . | docker import -c "CMD [\\"x\\"]" - imp:1', out: 'sha256:<digest>' },
      { run: "docker inspect -f '{{.Config.Cmd}}' imp:1", out: '[x]' },
      { run: "docker history --format '{{.ID}}' imp:1 | wc -l", out: '1' },
      { run: 'docker rmi imp:1 | wc -l', out: '3' },
      { run: 'docker image prune -f >/dev/null; docker image prune -f', out: 'Total reclaimed space: 0B' },
    ],
  },
  {
    name: 'namespaces of other containers',
    cases: [
      {
        run: `docker run -d --name donor --ipc shareable --shm-size 1m ${none} bb:1 sh -c 'echo shared >/dev/shm/f; echo ready; exec sleep 1000'`,
        out: '<id>',
      },
      { run: 'until docker logs donor | grep -q ready; do sleep 0.1; done; docker exec donor cat /dev/shm/f', out: 'shared' },
      { run: `docker run --rm --ipc container:donor ${none} bb:1 sh -c 'cat /dev/shm/f; echo back >/dev/shm/g'`, out: 'shared' },
      { run: 'docker exec donor cat /dev/shm/g', out: 'back' },
      { run: "docker exec donor sh -c 'head -c 2000000 /dev/zero >/dev/shm/h'", exit: 1, err: /head: standard output/ },
      { run: `docker run --rm --pid container:donor ${none} bb:1 sh -c "ps -o args | grep -c '[s]leep 1000'"`, out: '1' },
      { run: `docker run --rm --network container:donor bb:1 ls /sys/class/net`, out: 'lo' },
      { run: `docker run -d --name owner --ipc private ${none} bb:1 sleep 1000`, out: '<id>' },
      { run: `docker run --rm --ipc container:owner ${none} bb:1 true`, exit: 125, err: /non-shareable IPC/ },
      { run: 'docker rm -f donor owner', out: 'donor\nowner' },
    ],
  },
  {
    name: 'volumes',
    cases: [
      { run: 'docker volume create --label k=v v1', out: 'v1' },
      { run: 'docker volume create v1', out: 'v1' },
      { run: "docker volume ls --filter label=k=v --format '{{.Name}} {{.Driver}}'", out: 'v1 local' },
      { run: "docker volume inspect -f '{{.Name}} {{.Scope}} {{.Labels.k}}' v1", out: 'v1 local v' },
      { run: `docker run --rm ${none} -v v1:/data bb:1 sh -c 'echo kept >/data/f'`, out: '' },
      { run: `docker run --rm ${none} -v v1:/data:ro bb:1 cat /data/f`, out: 'kept' },
      { run: `docker run --rm ${none} -v v1:/data:ro bb:1 touch /data/g`, exit: 1, err: /Read-only file system/ },
      { run: `docker run --rm ${none} --mount type=volume,source=v1,target=/m bb:1 cat /m/f`, out: 'kept' },
      { run: `echo host >$T/hostfile; docker run --rm ${none} -v $T/hostfile:/h:ro bb:1 cat /h`, out: 'host' },
      {
        run: `docker run --rm ${none} --mount type=bind,source=/nosuchdir,target=/m bb:1 true`,
        exit: 125,
        err: /bind source path does not exist: \/nosuchdir/,
      },
      { run: `docker run --rm ${none} -v bad/name:/m bb:1 true`, exit: 125, err: /includes invalid characters for a local volume name/ },
      {
        run: `docker create --name w1 ${none} -v v1:/data bb:1 >/dev/null; docker volume rm v1`,
        exit: 1,
        err: /remove v1: volume is in use - \[[0-9a-f]{64}\]/,
      },
      { run: 'docker rm w1', out: 'w1' },
      { run: 'docker volume rm v1', out: 'v1' },
      { run: 'docker volume rm v1', exit: 1, err: /get v1: no such volume/ },
      { run: 'docker volume inspect nosuch', exit: 1, out: '[]', err: /get nosuch: no such volume/ },
    ],
  },
  {
    name: 'build',
    cases: [
      {
        run: `mkdir -p $T/ctx/dir && cd $T/ctx && echo one >a.txt && echo two >dir/b.txt && cat >Dockerfile <<'EOF'
FROM bb:1 AS first
ARG WHO=nobody
RUN echo "made by $WHO" >/made
FROM bb:1
ENV GREETING=hello
WORKDIR /work/deep
COPY a.txt dir ./
COPY --from=first /made /made
LABEL l=1
EXPOSE 8080
CMD ["sh", "-c", "echo $GREETING; cat /made; ls; pwd"]
EOF
docker build -q ${none} --build-arg WHO=me -t built:1 . 2>/dev/null`,
        out: 'sha256:<digest>',
      },
      { run: `docker run --rm ${none} built:1`, out: 'hello\nmade by me\na.txt\nb.txt\n/work/deep' },
      { run: `cd $T/ctx && docker build ${none} --build-arg WHO=me -t built:2 . 2>/dev/null | grep -c 'Using cache'`, out: '9' },
      { run: 'test "$(docker inspect -f "{{.Id}}" built:1)" = "$(docker inspect -f "{{.Id}}" built:2)"' },
      {
        run: `cd $T/ctx && docker build -q ${none} --target first -t first:1 . 2>/dev/null && docker run --rm ${none} first:1 cat /made`,
        out: 'sha256:<digest>\nmade by nobody',
      },
      {
        run: `printf 'FROM bb:1\\nRUN exit 3\\n' | docker build ${none} - 2>$T/err >/dev/null; code=$?; grep -o "returned a non-zero code: 3" $T/err; exit $code`,
        exit: 3,
        out: 'returned a non-zero code: 3',
      },
      {
        run: `printf 'FROM bb:1\\nNONSENSE x\\n' | docker build ${none} - 2>&1 >/dev/null | grep -io "unknown instruction: NONSENSE"`,
        out: 'unknown instruction: NONSENSE',
      },
      {
        run: `printf 'FROM bb:1\\nCOPY nosuch /\\n' >$T/ctx/Bad && cd $T/ctx && docker build ${none} -f Bad . 2>&1 >/dev/null | grep -o "file not found in build context"`,
        out: 'file not found in build context',
      },
      { run: 'docker rmi built:1 built:2 first:1 >/dev/null', out: '' },
    ],
  },
];
