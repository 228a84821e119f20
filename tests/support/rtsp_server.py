"""An RTSP camera on loopback, run by the system's python3, which has GStreamer: PORT WIDTH HEIGHT [ENCODER [RATE]]."""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

ENCODERS = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 ! rtph264pay name=pay0 pt=96",
    "jpeg": "jpegenc ! rtpjpegpay name=pay0 pt=26",
}


def serve(port: str, width: str, height: str, encoder: str = "h264", rate: str = "30/1") -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    caps = f"video/x-raw,format=I420,width={width},height={height},framerate={rate}"
    factory.set_launch(f"( videotestsrc is-live=true pattern=ball ! {caps} ! {ENCODERS[encoder]} )")
    factory.set_shared(True)
    server.get_mount_points().add_factory("/live", factory)
    server.attach(None)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


serve(*sys.argv[1:])
