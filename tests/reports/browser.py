"""Opens report pages in headless Chromium: they render, react to the pointer and log no errors.

Usage: browser.py [--shots FOLDER] [--make SEPTRAN_SIM SOURCE_FOLDER] [PAGE.html...]
With --make, pages of the examples are made and opened too.
"""

import argparse
import base64
import pathlib
import subprocess
import sys
import tempfile

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common import utils
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

LOOPBACK = "127.0.0.1"


class Driver(Service):
    """chromedriver, reached by address: a bare system may not know the name `localhost`. It reaches
    the browser through a pipe for the same reason."""

    @property
    def service_url(self):
        return f"http://{LOOPBACK}:{self.port}"

    def is_connectable(self):
        return utils.is_connectable(self.port, LOOPBACK)


def start_browser(options, tries=3):
    """A busy machine may take longer than the half minute that selenium waits."""
    for left in reversed(range(tries)):
        driver = Driver("chromedriver")
        try:
            return webdriver.Chrome(service=driver, options=options)
        except WebDriverException as fault:
            driver.stop()
            if left == 0:
                raise
            print(f"once more, for the browser did not start: {fault.msg}", file=sys.stderr)


def open_browser(width, dark):
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                     "--disable-dev-shm-usage", "--remote-debugging-pipe"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.add_experimental_option("mobileEmulation", {
        "deviceMetrics": {"width": width, "height": 900, "pixelRatio": 1.0, "touch": False,
                          "mobile": width < 600}})
    browser = start_browser(options)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", {
        "offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0})
    return browser


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def check_timeline(browser):
    canvas = browser.find_element(By.CSS_SELECTOR, "canvas")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    colours = browser.execute_script(
        "const c = arguments[0], d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "const s = new Set(); for (let i = 0; i < d.length; i += 4) s.add(d[i] << 16 | d[i+1] << 8 | d[i+2]);"
        "return s.size", canvas)
    expect(colours > 4, f"the timeline shows {colours} colours")
    tip = browser.find_element(By.ID, "tip")
    top = -canvas.size["height"] // 2 + 70  # in the second track
    ActionChains(browser).move_to_element_with_offset(canvas, 5, top).perform()
    expect(tip.is_displayed() and "cycle" in tip.text, f"hovering shows '{tip.text}'")
    whole = canvas.get_attribute("data-view")
    for _ in range(3):
        browser.find_element(By.ID, "zoom-in").click()
    view = canvas.get_attribute("data-view")
    expect(view is not None and view != whole, f"zooming shows {view}")
    begin, end = map(int, view.split())
    expect(end > begin, f"the view is {view}")
    browser.execute_script(
        "arguments[0].dispatchEvent(new WheelEvent('wheel', {deltaY: -100, clientX: 200, "
        "clientY: 300, bubbles: true, cancelable: true}))", canvas)
    closer = list(map(int, canvas.get_attribute("data-view").split()))
    expect(closer[1] - closer[0] <= end - begin, f"the wheel led to {closer}")


def check_page(browser, path, expected):
    browser.get(path.resolve().as_uri())
    browser.implicitly_wait(3)
    for selector in expected:
        expect(browser.find_elements(By.CSS_SELECTOR, selector), f"no {selector}")
    wide = browser.execute_script(
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth")
    expect(wide <= 0, f"the page is {wide} pixels wider than the window")
    if browser.find_elements(By.CSS_SELECTOR, "canvas"):
        check_timeline(browser)
    logged = [entry["message"] for entry in browser.get_log("browser")]
    expect(not logged, f"the console says {logged}")


def shoot(browser, path, folder, name):
    browser.get(path.resolve().as_uri())
    browser.implicitly_wait(1)
    browser.execute_script("return document.fonts.ready")
    size = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {
        "captureBeyondViewport": True,
        "clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}})
    (folder / f"{path.stem}_{name}.png").write_bytes(base64.b64decode(shot["data"]))


RUNS = {
    "gemm": "examples/gemm/gemm.py --mapping mappings/gemm/dsa_cloud.yaml --dtype f16 "
            "-D M=1024 -D N=1024 -D K=1024",
    "attention": "examples/attention/attention.py --mapping mappings/attention/dsa_edge.yaml "
                 "--dtype f16 -D B=1 -D H=2 -D G=1 -D LQ=256 -D LK=256 -D D=128 -D causal=true",
    "softmax": "examples/softmax/softmax.py --mapping mappings/softmax/dsa_edge.yaml "
               "-D M=100 -D N=333",
}
RUN_PARTS = ["#verdict", "#run-point", "#stalls", "#tensors", "#lines", "#dram", "#energy"]


def make_pages(sim, source, folder):
    """Path and the selectors that have to be there, of each page."""
    pages = []
    for name, words in RUNS.items():
        page = pathlib.Path(folder) / f"{name}.html"
        subprocess.run([sim, *words.split(), "--timing-only", "--html", str(page)], cwd=source,
                       check=True, stdout=subprocess.DEVNULL)
        pages.append((page, RUN_PARTS))
    gemm = ["examples/gemm/gemm.py", "--mapping", "mappings/gemm/dsa_edge.yaml", "--dtype", "f16"]
    sweep = pathlib.Path(folder) / "sweep.html"
    subprocess.run([sim, *gemm, "-D", "M=128", "-D", "N=128", "-D", "K=128", "--sweep",
                    "core.mma.rows=8,16", "--sweep", "dram.channels=1,2", "--html", str(sweep)],
                   cwd=source, check=True, stdout=subprocess.DEVNULL)
    pages.append((sweep, ["#pareto .point"]))
    layers = pathlib.Path(folder) / "layers.csv"
    layers.write_text("Layer,M,N,K\none,64,64,64\ntwo,128,64,32\n")
    workload = pathlib.Path(folder) / "workload.html"
    subprocess.run([sim, *gemm, "--workload", str(layers), "--html", str(workload)], cwd=source,
                   check=True, stdout=subprocess.DEVNULL)
    pages.append((workload, ["#layers .bar"]))
    return pages


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shots", type=pathlib.Path)
    parser.add_argument("--make", nargs=2)
    parser.add_argument("pages", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pages = [(page, []) for page in arguments.pages]
        if arguments.make:
            pages += make_pages(*arguments.make, folder)
        check_pages(pages, arguments.shots)


def check_pages(pages, shots):
    for width, dark in ((1280, False), (1280, True), (390, False), (390, True)):
        browser = open_browser(width, dark)
        try:
            for path, expected in pages:
                name = f"{width}{'_dark' if dark else ''}"
                if shots:
                    shoot(browser, path, shots, name)
                try:
                    check_page(browser, path, expected)
                except AssertionError as fault:
                    sys.exit(f"{path.name} at {name}: {fault}")
        finally:
            browser.quit()


if __name__ == "__main__":
    main()
