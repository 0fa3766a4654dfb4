"""What Python programs do by way of docker-py; the engine is at DOCKER_HOST and has the image bb:1."""

import io
import tarfile
import threading
import unittest

import docker

client = docker.from_env(version="auto", timeout=60)


def tar_of(**files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


class DockerPy(unittest.TestCase):
    def tearDown(self):
        for container in client.containers.list(all=True):
            container.remove(force=True, v=True)

    def run_detached(self, *command, **options):
        return client.containers.run("bb:1", list(command), detach=True, **options)

    def test_run_gives_output_and_raises_on_failure(self):
        self.assertEqual(client.containers.run("bb:1", ["echo", "hello"], remove=True), b"hello\n")
        with self.assertRaises(docker.errors.ContainerError) as raised:
            client.containers.run("bb:1", ["sh", "-c", "echo why >&2; exit 3"])
        self.assertEqual((raised.exception.exit_status, raised.exception.stderr), (3, b"why\n"))
        with self.assertRaises(docker.errors.ImageNotFound):
            client.containers.create("sha256:" + "0" * 64)

    def test_life_of_a_container(self):
        container = self.run_detached("sleep", "1000", name="py", labels={"tier": "front"}, environment={"A": "b"}, mem_limit="64m", stop_signal="SIGKILL")
        container.reload()
        self.assertEqual((container.status, container.labels, container.attrs["HostConfig"]["Memory"]), ("running", {"tier": "front"}, 64 << 20))
        self.assertEqual([found.id for found in client.containers.list(filters={"label": "tier=front"})], [container.id])
        container.pause()
        container.unpause()
        container.rename("py2")
        container.update(mem_limit="32m", memswap_limit="64m")
        self.assertIn("sleep 1000", str(container.top()["Processes"]))
        self.assertGreater(container.stats(stream=False)["memory_stats"]["usage"], 0)
        self.assertGreater(next(container.stats(decode=True))["pids_stats"]["current"], 0)
        container.restart(timeout=1)
        container.kill()
        self.assertEqual(container.wait(timeout=20)["StatusCode"], 137)
        container.remove()
        with self.assertRaises(docker.errors.NotFound):
            client.containers.get("py2")

    def test_exec_in_every_way(self):
        container = self.run_detached("sleep", "1000")
        self.assertEqual(tuple(container.exec_run(["sh", "-c", "echo $A; exit 4"], environment={"A": "b"})), (4, b"b\n"))
        self.assertEqual(container.exec_run(["sh", "-c", "echo o; echo e >&2"], demux=True).output, (b"o\n", b"e\n"))
        self.assertEqual(b"".join(container.exec_run("seq 3", stream=True).output), b"1\n2\n3\n")
        made = client.api.exec_create(container.id, "cat", stdin=True)
        stream = client.api.exec_start(made["Id"], socket=True)
        stream._sock.sendall(b"typed\n")
        self.assertIn(b"typed\n", stream._sock.recv(100))
        stream.close()

    def test_logs_followed_and_attached(self):
        container = self.run_detached("sh", "-c", "for i in 1 2 3; do echo line $i; sleep 0.2; done")
        self.assertEqual(list(container.logs(stream=True, follow=True)), [b"line 1\n", b"line 2\n", b"line 3\n"])
        self.assertEqual(container.logs(tail=1), b"line 3\n")
        attached = client.containers.create("bb:1", ["cat"], stdin_open=True)
        stream = attached.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
        attached.start()
        stream._sock.sendall(b"in\n")
        self.assertIn(b"in\n", stream._sock.recv(100))
        stream.close()

    def test_events_of_a_run(self):
        events = client.events(decode=True, filters={"type": "container"})
        seen = []

        def listen():
            for event in events:
                seen.append(event["Action"])
                if event["Action"] == "destroy":
                    return

        listener = threading.Thread(target=listen)
        listener.start()
        client.containers.run("bb:1", ["true"], remove=True)
        listener.join(30)
        self.assertFalse(listener.is_alive())
        self.assertEqual([action for action in seen if action != "attach"], ["create", "start", "die", "destroy"])

    def test_images_built_saved_loaded_and_tagged(self):
        context = tar_of(Dockerfile=b"FROM bb:1\nCOPY file /file\nRUN cat /file >/copy\n", file=b"built")
        image, log = client.images.build(fileobj=io.BytesIO(context), custom_context=True, tag="py:1", rm=True, network_mode="none")
        self.assertIn("Successfully built", "".join(line.get("stream", "") for line in log))
        self.assertEqual(client.containers.run("py:1", ["cat", "/copy"], remove=True), b"built")
        self.assertTrue(image.tag("py", "2"))
        self.assertEqual(image.history()[0]["Id"], image.id)
        saved = b"".join(client.images.get("py:2").save(named="py:2"))
        for tag in ("py:1", "py:2"):
            client.images.remove(tag)
        with self.assertRaises(docker.errors.ImageNotFound):
            client.images.get("py:2")
        self.assertEqual([loaded.tags for loaded in client.images.load(saved)], [["py:2"]])
        client.images.remove("py:2")
        with self.assertRaises(docker.errors.BuildError):
            client.images.build(fileobj=io.BytesIO(b"FROM bb:1\nRUN exit 9\n"), network_mode="none")

    def test_commit_and_export(self):
        container = self.run_detached("sh", "-c", "echo kept >/kept")
        container.wait()
        container.commit("py", "made", changes='CMD ["cat", "/kept"]')
        self.assertEqual(client.containers.run("py:made", remove=True), b"kept\n")
        with tarfile.open(fileobj=io.BytesIO(b"".join(container.export()))) as archive:
            self.assertIn("kept", archive.getnames())
        self.assertIn({"Path": "/kept", "Kind": 1}, container.diff())
        client.images.remove("py:made")

    def test_networks(self):
        pool = docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet="10.251.9.0/24", gateway="10.251.9.9")])
        network = client.networks.create("py-net", ipam=pool, labels={"a": "b"})
        web = self.run_detached("sleep", "1000", name="web", network="py-net")
        other = self.run_detached("sleep", "1000")
        network.connect(other, aliases=["friend"], ipv4_address="10.251.9.77")
        self.assertEqual(web.exec_run("ping -c 1 -W 2 friend").exit_code, 0)
        network.reload()
        self.assertEqual({found.id for found in network.containers}, {web.id, other.id})
        with self.assertRaises(docker.errors.APIError):
            network.remove()
        network.disconnect(other)
        web.remove(force=True)
        network.remove()
        self.assertEqual(client.networks.list(names=["py-net"]), [])

    def test_volumes(self):
        volume = client.volumes.create("py-data", labels={"a": "b"})
        client.containers.run("bb:1", ["sh", "-c", "echo row >/data/row"], volumes={"py-data": {"bind": "/data", "mode": "rw"}}, remove=True)
        mount = docker.types.Mount("/data", "py-data", read_only=True)
        self.assertEqual(client.containers.run("bb:1", ["cat", "/data/row"], mounts=[mount], remove=True), b"row\n")
        self.assertEqual([found.name for found in client.volumes.list(filters={"label": "a=b"})], ["py-data"])
        volume.remove()
        self.assertEqual(client.volumes.list(), [])

    def test_archives_go_in_and_come_out(self):
        container = client.containers.create("bb:1", ["true"])
        self.assertTrue(container.put_archive("/", tar_of(carried=b"content")))
        chunks, stat = container.get_archive("/carried")
        self.assertEqual((stat["name"], stat["size"]), ("carried", 7))
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            self.assertEqual(archive.extractfile("carried").read(), b"content")
        with self.assertRaises(docker.errors.NotFound):
            container.get_archive("/nosuch")

    def test_the_engine_itself(self):
        self.assertTrue(client.ping())
        self.assertEqual(client.version()["ApiVersion"], "1.51")
        self.assertEqual(client.info()["OSType"], "linux")
        self.assertIn("LayersSize", client.df())
        self.assertIn("SpaceReclaimed", client.containers.prune())


if __name__ == "__main__":
    unittest.main(verbosity=2)
