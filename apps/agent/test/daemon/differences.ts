export interface Difference {
  readonly what: string;
  readonly docker: string;
  readonly here: string;
  readonly why: string;
}

/**
 * Where our engine answers otherwise than Docker, and why: the whole list. A difference to dockerd 20.10 that the command list meets must be named here;
 * docs/engine-compat.md shows this table.
 */
export const differences = {
  words: {
    what: 'wording of some errors',
    docker: '20.10: capital letters, "runc create failed", ": unknown" at the end',
    here: "28's wording, with our executor's cause",
    why: 'clients of today look for the words of today',
  },
  pullFailure: {
    what: 'a registry that cannot be reached',
    docker: "Go's words for it",
    here: "the address and Node's words for it",
    why: 'the cause is the same, the network library is not',
  },
  brokenArchive: {
    what: 'a broken archive in `docker cp -`',
    docker: '"unexpected EOF" from a helper process',
    here: 'says at which byte it ends',
    why: 'the client can mend it',
  },
  missingExec: {
    what: 'exit code of `docker exec` with a missing program',
    docker: '126 in 20.10, 127 since',
    here: '127',
    why: 'as Docker since 23',
  },
  volumeCreatedAgain: {
    what: 'event `volume create` for a volume that exists',
    docker: '20.10 repeats it for every container that uses the volume',
    here: 'once, when it is made',
    why: 'nothing was created; as Docker since 23',
  },
  buildObjects: {
    what: 'containers and images made along the way by the classic builder',
    docker: 'one for each instruction, in the events too; the container of a step that fails is kept',
    here: 'containers for RUN alone, images for the result alone',
    why: 'nothing runs in the others',
  },
  failedCreate: {
    what: 'events of a container whose create fails',
    docker: '`destroy` of what was never told created',
    here: 'none',
    why: 'nothing was made',
  },
  malformedBodies: {
    what: 'malformed JSON, wrong types in bodies',
    docker: '400, in older versions 500',
    here: '400 with the path of the field',
    why: 'the client can mend it',
  },
  buildKit: {
    what: "Compose's and BuildKit's own builders",
    docker: '/session, /grpc',
    here: 'not offered',
    why: 'the classic builder covers `docker build` without plugins',
  },
  swarm: {
    what: '`docker swarm init`',
    docker: 'makes a swarm',
    here: '501',
    why: "hosts are joined to Gantry's cluster, not to each other",
  },
  containerConfig: {
    what: 'image inspect in 1.45 and newer',
    docker: 'no ContainerConfig',
    here: 'has it for Compose 1',
    why: 'Compose 1 cannot recreate a container without',
  },
  cgroupNamespace: {
    what: '`CgroupnsMode` unset, on cgroup v1',
    docker: 'host',
    here: 'private',
    why: 'cgroups of the host are nobody’s business',
  },
  portsOnIpv6: {
    what: 'a published port without an address',
    docker: 'on `[::]` too, by a proxy where a container has no IPv6',
    here: 'on `[::]` where the container has IPv6',
    why: 'no proxy: rules keep the source address',
  },
  linksInSubpaths: {
    what: 'symbolic links in a `volume-subpath` or `image-subpath`',
    docker: 'followed inside',
    here: 'refused',
    why: 'whoever writes to the volume could turn them while they are looked at',
  },
  imageForMount: {
    what: 'an image to be mounted that is not here',
    docker: '404, upon which the CLI pulls the image to be run',
    here: '400',
    why: 'pulling that image mends nothing',
  },
  requestLimits: {
    what: 'requests at a time, unanswered ones on a connection, headers',
    docker: 'no limit',
    here: '2048, 16, 1000: refused with 503, 429, 431',
    why: 'nothing unbounded',
  },
  stalledReaders: {
    what: 'a client that takes in nothing of its answer',
    docker: 'kept for ever',
    here: 'let go after four hours',
    why: 'as above',
  },
} satisfies Record<string, Difference>;

export type DifferenceName = keyof typeof differences;
