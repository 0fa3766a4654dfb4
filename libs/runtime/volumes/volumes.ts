/**
 * Directories that outlive containers. The driver is `local`: a directory of ours, or what its options mount (type, device, o: NFS, tmpfs, bind).
 * A volume's name is its id; one made without a name gets 64 hexadecimal digits and counts as anonymous.
 */
export interface Volumes {
  /** An existing volume of that name is returned as it is. */
  create(spec: VolumeSpec): Promise<Volume>;
  get(name: string): Volume;
  find(name: string): Volume | undefined;
  list(): Volume[];
  /** Conflict while a container uses it. `force` does not mind an unknown name. */
  remove(name: string, options?: { force?: boolean }): Promise<void>;
  prune(options?: { matches?: (volume: Volume) => boolean }): Promise<{ removed: string[]; reclaimedBytes: number }>;
  usage(name: string): Promise<number>;
  /** Makes the directory ready (mounts it when its options say so) and says where it is. */
  mount(name: string, user: string): Promise<string>;
  unmount(name: string, user: string): Promise<void>;
  /** Ids of the containers that refer to it. Set once, by the core. */
  usedBy(users: (name: string) => readonly string[]): void;
}

export interface VolumeSpec {
  readonly name?: string;
  readonly driver?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Volume {
  readonly name: string;
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly mountpoint: string;
  readonly createdAt: string;
  readonly isAnonymous: boolean;
}
